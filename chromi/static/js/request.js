const STALLED_MS = 60_000;
/** What was at that address is not there any more. */
export const GONE = new Set([404, 410]);
const NOT_NOW = new Set([408, 425, 429]);
const OUT_OF_STEP = new Set([409, 423]);

/** No answer, or one that says "not now": worth another try. A quiet one is nothing to tell a person of. */
export class Interrupted extends Error {
  constructor(sentence, { isQuiet = false } = {}) {
    super(sentence);
    Object.assign(this, { sentence, isQuiet });
  }
}

/** The service said no; `sentence` says why, where it told. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    Object.assign(this, { status, sentence });
  }
}

function sentenceOf(xhr) {
  try {
    const { response } = xhr;
    return JSON.parse(response instanceof ArrayBuffer ? new TextDecoder().decode(response) : response).error.message;
  } catch {
    return ""; // a proxy's own page, or an answer without a body
  }
}

function outcome(xhr) {
  const { status } = xhr;
  if (status >= 200 && status < 300) return null;
  const sentence = sentenceOf(xhr);
  if (OUT_OF_STEP.has(status)) return new Interrupted(sentence, { isQuiet: true });
  if (status === 0 || status >= 500 || NOT_NOW.has(status)) return new Interrupted(sentence);
  return new Refused(status, sentence);
}

/**
 * Ask, and give the answered XMLHttpRequest: unlike fetch it tells how much of the body has gone.
 * Rejects with Interrupted or Refused, or with the signal's reason.
 */
export function request(method, address, { headers = {}, body = null, responseType = "", onProgress = () => {}, signal }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const xhr = new XMLHttpRequest();
    let timer = 0;
    const abort = () => xhr.abort();
    // A connection may die without a word.
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, STALLED_MS);
    };
    xhr.open(method, address);
    xhr.responseType = responseType;
    for (const [name, value] of Object.entries({ Accept: "application/json", ...headers })) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.addEventListener("progress", (event) => {
      wait();
      onProgress(event.loaded);
    });
    xhr.addEventListener("loadend", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      const error = signal.aborted ? signal.reason : outcome(xhr);
      if (error) reject(error);
      else resolve(xhr);
    });
    signal.addEventListener("abort", abort);
    wait();
    xhr.send(body);
  });
}
