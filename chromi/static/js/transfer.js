import { request } from "./request.js";

/* The tus protocol, 1.0.0: what the server has of a file is asked, never assumed. */
const PROTOCOL = { "Tus-Resumable": "1.0.0" };
const PIECE = { ...PROTOCOL, "Content-Type": "application/offset+octet-stream" };

/* A cut costs the piece under way, and every piece costs an answer. */
const FIRST_BYTES = 1_000_000;
const LEAST_BYTES = 250_000;
const MOST_BYTES = 4_000_000;
const QUICK_MS = 1000;
const SLOW_MS = 4000;

/** Begin an upload of so many bytes; gives the addresses of the upload and of its page. */
export async function createUpload(address, sizeBytes, signal) {
  const headers = { ...PROTOCOL, "Upload-Length": sizeBytes };
  const answer = await request("POST", address, { headers, signal });
  return { uploadUrl: answer.getResponseHeader("Location"), pageUrl: JSON.parse(answer.responseText).url };
}

/** Give up what is unfinished; also while the page goes away. */
export function dropUpload(address) {
  fetch(address, { method: "DELETE", headers: PROTOCOL, keepalive: true }).catch(() => {
    // The server deletes it by itself before long.
  });
}

function offsetIn(answer) {
  return Number(answer.getResponseHeader("Upload-Offset"));
}

/** Compare the beginning and the end of what the server has of an upload with the same places of this file. */
export async function isSameFile(file, address, signal) {
  const answer = await request("GET", `${address}/sample`, { headers: PROTOCOL, responseType: "arraybuffer", signal });
  const there = new Uint8Array(answer.response);
  const offset = offsetIn(answer);
  const partBytes = there.length / 2;
  const parts = [file.slice(0, partBytes), file.slice(offset - partBytes, offset)];
  const here = new Uint8Array(await new Blob(parts).arrayBuffer());
  return here.length === there.length && here.every((byte, i) => byte === there[i]);
}

function sizeAfter(pieceBytes, tookMs) {
  if (tookMs < QUICK_MS) return Math.min(pieceBytes * 2, MOST_BYTES);
  return tookMs > SLOW_MS ? Math.max(pieceBytes / 2, LEAST_BYTES) : pieceBytes;
}

/**
 * Send the file from where the server has it to its end; `onProgress` learns how many bytes have gone.
 * Rejects with Refused, or with a NotReadableError when the file has changed or gone meanwhile.
 */
export async function sendFile(file, address, { persistence, onProgress, signal }) {
  let pieceBytes = FIRST_BYTES;
  let offset = null;

  const sendPiece = async () => {
    const start = offset ?? offsetIn(await request("HEAD", address, { headers: PROTOCOL, signal }));
    offset = null; // not known again before the answer
    onProgress(start);
    const startedAt = performance.now();
    const answer = await request("PATCH", address, {
      headers: { ...PIECE, "Upload-Offset": start },
      body: await file.slice(start, start + pieceBytes).arrayBuffer(),
      onProgress: (sent) => onProgress(start + sent),
      signal,
    });
    pieceBytes = sizeAfter(pieceBytes, performance.now() - startedAt);
    return offsetIn(answer);
  };

  // At least one piece, be it empty: a server that was stopped after the last byte has yet to look at the whole.
  do {
    offset = await persistence.keepTrying(sendPiece);
  } while (offset < file.size);
}
