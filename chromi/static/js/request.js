const STALL_TIMEOUT_MS = 60_000;
/** Status codes of an address whose resource was deleted. */
export const GONE = new Set([404, 410]);
/** 408 Request Timeout, 425 Too Early, 429 Too Many Requests. */
const RETRYABLE = new Set([408, 425, 429]);
/** 409 Conflict, 423 Locked: client and server disagree about the offset, or another request holds the upload. */
const OUT_OF_SYNC = new Set([409, 423]);

/** No response, or one that says "not now": worth another try. A silent failure need not be shown to a person. */
export class TemporaryFailure extends Error {
  constructor(sentence, { isSilent = false } = {}) {
    super(sentence);
    Object.assign(this, { sentence, isSilent });
  }
}

/** The service refused the request; `sentence` says why and may be empty. */
export class RequestRefused extends Error {
  constructor(status, sentence) {
    super(sentence);
    Object.assign(this, { status, sentence });
  }
}

function errorSentence({ response }) {
  try {
    return JSON.parse(response instanceof ArrayBuffer ? new TextDecoder().decode(response) : response).error.message;
  } catch {
    return ""; // a proxy's own page, or a response without a body
  }
}

function errorOf(xhr) {
  const { status } = xhr;
  if (status >= 200 && status < 300) return null;
  const sentence = errorSentence(xhr);
  if (OUT_OF_SYNC.has(status)) return new TemporaryFailure(sentence, { isSilent: true });
  if (status === 0 || status >= 500 || RETRYABLE.has(status)) return new TemporaryFailure(sentence);
  return new RequestRefused(status, sentence);
}

/**
 * Send a request and return its XMLHttpRequest: unlike fetch, it reports how much of the body was sent.
 * Rejects with TemporaryFailure or RequestRefused, or with the signal's reason.
 */
export function request(method, url, { headers = {}, body = null, responseType = "", onProgress = () => {}, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    let timer = 0;
    const abort = () => xhr.abort();
    // A connection can die without an event.
    const restartTimeout = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, STALL_TIMEOUT_MS);
    };
    xhr.open(method, url);
    xhr.responseType = responseType;
    for (const [name, value] of Object.entries({ Accept: "application/json", ...headers })) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.addEventListener("progress", (event) => {
      restartTimeout();
      onProgress(event.loaded);
    });
    xhr.addEventListener("loadend", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      const error = signal.aborted ? signal.reason : errorOf(xhr);
      if (error) reject(error);
      else resolve(xhr);
    });
    signal.addEventListener("abort", abort);
    restartTimeout();
    xhr.send(body);
  });
}
