/** Show or hide the password in the field that the button controls. */
export function setPasswordShown(button, isShown) {
  button.setAttribute("aria-pressed", isShown);
  document.getElementById(button.dataset.reveals).type = isShown ? "text" : "password";
}

export function enhancePasswordFields() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-reveals]");
    if (button) setPasswordShown(button, button.getAttribute("aria-pressed") !== "true");
  });
}
