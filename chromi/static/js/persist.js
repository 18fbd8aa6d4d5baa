import { Interrupted } from "./request.js";

const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** Repeats what is interrupted, with growing pauses, until it works, is refused or is aborted. */
export function createPersistence({ onLost, signal }) {
  let failures = 0;
  let goOn = () => {};
  const pause = () =>
    new Promise((resolve) => {
      goOn = resolve;
      setTimeout(resolve, PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1]);
    });
  const hurry = () => goOn();
  window.addEventListener("online", hurry, { signal });
  signal.addEventListener("abort", hurry);

  const keepTrying = async (attempt) => {
    for (;;) {
      try {
        const answer = await attempt();
        failures = 0;
        return answer;
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        if (!error.isQuiet) onLost(error.sentence);
      }
      failures += 1;
      await pause();
    }
  };
  return { keepTrying, hurry };
}
