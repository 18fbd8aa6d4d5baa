/* Searches with the browser's default search engine, which needs the extension's only permission. */

const form = document.querySelector("form");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  chrome.search.query({ text: form.elements.text.value });
});
