// A number in words, in the form that the page's language has for it: each form comes with a number that takes it.
const inWords = (forms, number) => {
  const language = document.documentElement.lang;
  const kind = one => new Intl.PluralRules(language).select(one);
  const known = JSON.parse(forms);
  const [, words] = known.find(([example]) => kind(example) === kind(number)) ?? known[0];
  return words.replace("{n}", new Intl.NumberFormat(language).format(number));
};
