// A new account starts with the time zone that the browser is in.
(() => {
  const field = document.querySelector('input[type="hidden"][name="time_zone"]');
  if (field) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
})();
