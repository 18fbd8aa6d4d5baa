const { lang } = document.documentElement;
/** The language as its readers write it where they live: a Briton's dates are no American's. */
const home = navigator.languages.find((tag) => tag.split("-")[0] === lang.split("-")[0]) ?? lang;

const megabyte = new Intl.NumberFormat(lang, {
  style: "unit",
  unit: "megabyte",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const percentage = new Intl.NumberFormat(lang, { style: "percent" });
const moment = new Intl.DateTimeFormat(home, { dateStyle: "long", timeStyle: "short" });

/** "{sent} of {all}" with its places filled: the sentences themselves stand in the templates. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** 12345678 -> "12.3 MB" */
export function megabytes(bytes) {
  return megabyte.format(bytes / 1e6);
}

/** 0.714 -> "71%" */
export function percent(share) {
  return percentage.format(share);
}

/** 4.2 -> "4 sec", 0.29 -> "0.3 sec" */
export function seconds(duration) {
  const digits = duration < 1 ? 1 : 0;
  const second = { style: "unit", unit: "second", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(lang, second).format(duration);
}

/** Put the times inside root into the reader's own time. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time")) time.textContent = moment.format(new Date(time.dateTime));
}
