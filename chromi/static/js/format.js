const { lang } = document.documentElement;
/** The page's language with the reader's region: British and American dates differ. */
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang.split("-")[0]) ?? lang;

const limitFormat = new Intl.NumberFormat(lang, { style: "unit", unit: "megabyte", maximumFractionDigits: 3 });
const decimalFormat = new Intl.NumberFormat(lang);
const percentFormat = new Intl.NumberFormat(lang, { style: "percent" });
const timeFormat = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });

/** Replace the placeholders in "{sent} of {all}". The sentences themselves are in the templates. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Format a quantity as the server does: with one decimal at most, and with none from `wholeFrom` on. */
function formatUnit(value, unit, wholeFrom) {
  const digits = { maximumFractionDigits: value < wholeFrom ? 1 : 0, roundingMode: "halfEven" };
  return new Intl.NumberFormat(lang, { style: "unit", unit, ...digits }).format(value);
}

/** 12345678 -> "12.3 MB", 10000000 -> "10 MB", 157300000 -> "157 MB" */
export function megabytes(bytes) {
  return formatUnit(bytes / 1e6, "megabyte", 100);
}

/** 10 -> "10 MB", 7.5 -> "7.5 MB" */
export function megabyteLimit(limitMb) {
  return limitFormat.format(limitMb);
}

/** 1.05 -> "1.05" */
export function decimal(value) {
  return decimalFormat.format(value);
}

/** 0.714 -> "71%" */
export function percent(fraction) {
  return percentFormat.format(fraction);
}

/** 4.25 -> "4.2 sec", 6 -> "6 sec", 42.5 -> "42 sec" */
export function seconds(durationS) {
  return formatUnit(durationS, "second", 10);
}

/** Show the times inside `root` in the reader's time zone and format. */
export function localizeTimes(root) {
  for (const time of root.querySelectorAll("time")) time.textContent = timeFormat.format(new Date(time.dateTime));
}
