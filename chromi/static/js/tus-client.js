import { request } from "./request.js";

/* The tus protocol 1.0.0: the client always asks for the offset that the server has. */
const TUS_HEADERS = { "Tus-Resumable": "1.0.0" };
const CHUNK_HEADERS = { ...TUS_HEADERS, "Content-Type": "application/offset+octet-stream" };

/* A broken connection costs the current chunk, and each chunk costs a round trip. */
const FIRST_CHUNK_BYTES = 1_000_000;
const MIN_CHUNK_BYTES = 250_000;
const MAX_CHUNK_BYTES = 4_000_000;
const FAST_MS = 1000;
const SLOW_MS = 4000;

/** Create an upload of `sizeBytes` and return the addresses of the upload and of its page. */
export async function createUpload(createUrl, sizeBytes, signal) {
  const headers = { ...TUS_HEADERS, "Upload-Length": sizeBytes };
  const response = await request("POST", createUrl, { headers, signal });
  return { uploadUrl: response.getResponseHeader("Location"), pageUrl: JSON.parse(response.responseText).url };
}

/** Delete an unfinished upload, even while the page is being left. */
export function deleteUpload(uploadUrl) {
  fetch(uploadUrl, { method: "DELETE", headers: TUS_HEADERS, keepalive: true }).catch(() => {
    // The server deletes unfinished uploads on its own after a while.
  });
}

function offsetOf(response) {
  return Number(response.getResponseHeader("Upload-Offset"));
}

/** Compare the start and the end of what the server has of an upload with the same ranges of the file. */
export async function isSameFile(file, uploadUrl, signal) {
  const sampleUrl = `${uploadUrl}/sample`;
  const response = await request("GET", sampleUrl, { headers: TUS_HEADERS, responseType: "arraybuffer", signal });
  const remote = new Uint8Array(response.response);
  const offset = offsetOf(response);
  const rangeBytes = remote.length / 2;
  const ranges = [file.slice(0, rangeBytes), file.slice(offset - rangeBytes, offset)];
  const local = new Uint8Array(await new Blob(ranges).arrayBuffer());
  return local.length === remote.length && local.every((byte, i) => byte === remote[i]);
}

/** Return the size of the chunk after one of `chunkBytes` that took `durationMs`. */
export function nextChunkBytes(chunkBytes, durationMs) {
  if (durationMs < FAST_MS) return Math.min(chunkBytes * 2, MAX_CHUNK_BYTES);
  return durationMs > SLOW_MS ? Math.max(chunkBytes / 2, MIN_CHUNK_BYTES) : chunkBytes;
}

/**
 * Send the file from the offset that the server has to its end. `onProgress` gets the number of bytes sent so far.
 * Rejects with RequestRefused, or with a NotReadableError if the file was changed or removed meanwhile.
 */
export async function sendFile(file, uploadUrl, { retrier, onProgress, signal }) {
  let chunkBytes = FIRST_CHUNK_BYTES;
  let offset = null;

  const sendChunk = async () => {
    const start = offset ?? offsetOf(await request("HEAD", uploadUrl, { headers: TUS_HEADERS, signal }));
    offset = null; // unknown until the response arrives
    onProgress(start);
    const startedAt = performance.now();
    const response = await request("PATCH", uploadUrl, {
      headers: { ...CHUNK_HEADERS, "Upload-Offset": start },
      body: await file.slice(start, start + chunkBytes).arrayBuffer(),
      onProgress: (sentBytes) => onProgress(start + sentBytes),
      signal,
    });
    chunkBytes = nextChunkBytes(chunkBytes, performance.now() - startedAt);
    return offsetOf(response);
  };

  // At least one chunk, even an empty one: a server that stopped after the last byte has not checked the file yet.
  do {
    offset = await retrier.run(sendChunk);
  } while (offset < file.size);
}
