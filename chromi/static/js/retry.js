import { TemporaryFailure } from "./request.js";

const PAUSES_MS = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** Repeats requests that fail temporarily, with growing pauses. The browser's "online" event ends a pause. */
export class Retrier {
  #failures = 0;
  #endPause = () => {};
  #onFailure;

  /** `onFailure` gets the sentence of each failure that a person should know of; aborting `signal` ends a pause. */
  constructor({ onFailure, signal }) {
    this.#onFailure = onFailure;
    window.addEventListener("online", () => this.retryNow(), { signal });
    signal.addEventListener("abort", () => this.retryNow());
  }

  /** Call `attempt` until it succeeds and return its result. Rejects with any error but a TemporaryFailure. */
  async run(attempt) {
    for (;;) {
      try {
        const result = await attempt();
        this.#failures = 0;
        return result;
      } catch (error) {
        if (!(error instanceof TemporaryFailure)) throw error;
        if (!error.isSilent) this.#onFailure(error.sentence);
      }
      this.#failures += 1;
      await this.#pause();
    }
  }

  /** End the current pause. */
  retryNow() {
    this.#endPause();
  }

  #pause() {
    return new Promise((resolve) => {
      this.#endPause = resolve;
      setTimeout(resolve, PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length) - 1]);
    });
  }
}
