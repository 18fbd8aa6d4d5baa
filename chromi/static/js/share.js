import { announce } from "./announce.js";

const SHOWN_MS = 2000;

async function copy(button) {
  const field = document.getElementById(button.dataset.copies);
  let told = "Copied";
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // No clipboard outside https and localhost; select the link, so that the keys do it.
    field.select();
    told = "Press Ctrl+C";
  }
  announce(told);
  button.textContent = told;
  button.classList.toggle("done", told === "Copied");
  setTimeout(() => {
    button.textContent = "Copy";
    button.classList.remove("done");
  }, SHOWN_MS);
}

export function copyLinks() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) copy(button);
  });
}
