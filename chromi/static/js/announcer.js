/* A screen reader may skip a sentence that is replaced sooner. */
const MIN_SHOWN_MS = 1000;

/** The last sentence and the queue of each announcer element. */
const queues = new WeakMap();

function show(announcer, sentence) {
  announcer.textContent = sentence;
  return new Promise((resolve) => {
    setTimeout(resolve, MIN_SHOWN_MS);
  });
}

/** Announce a sentence to screen readers after the ones before it. Repeating the last sentence does nothing. */
export function announce(sentence) {
  const announcer = document.getElementById("announcer");
  const { last = "", done = Promise.resolve() } = queues.get(announcer) ?? {};
  if (sentence === last) return;
  queues.set(announcer, { last: sentence, done: done.then(() => show(announcer, sentence)) });
}
