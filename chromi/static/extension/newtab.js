/* Searches with whatever search engine this browser is set to: that is what the one permission is for. */

const form = document.querySelector("form");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  chrome.search.query({ text: form.elements.text.value });
});
