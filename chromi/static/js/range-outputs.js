import { decimal, percent } from "./format.js";

function textOf({ value }, unit) {
  if (unit === "%") return percent(Number(value) / 100);
  return `${decimal(value)}${unit === "×" ? unit : ` ${unit}`}`;
}

/** Show the value beside each slider of the form. */
export function showRangeValues(form) {
  const outputs = [...form.querySelectorAll("output[data-unit]")];
  const show = () => {
    for (const output of outputs) output.textContent = textOf(form.elements[output.htmlFor.value], output.dataset.unit);
  };
  form.addEventListener("input", show);
  show();
}
