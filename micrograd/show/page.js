'use strict';
// What every page has: its elements, numbers as text, and the theme.

const $ = id => document.getElementById(id);

// As '%.6g' in Python, with a proper minus sign.
function number(x, digits = 6) {
  const [mantissa, exponent] = x.toExponential(digits - 1).split('e');
  const tiny = exponent < -4 || exponent >= digits;
  return (tiny ? `${Number(mantissa)}e${exponent.replace(/\b\d$/, '0$&')}` : `${Number(x.toPrecision(digits))}`).replaceAll('-', '−');
}

// Whether a button can be pressed; one that cannot any more hands the keyboard on to another.
function enable(button, on, heir) {
  if (!on && document.activeElement === $(button)) $(heir).focus();
  $(button).disabled = !on;
}

// Light and dark: the reader's setting until the switch says otherwise.
{
  const dark = matchMedia('(prefers-color-scheme: dark)'), {dataset} = document.documentElement;
  const theme = () => {
    const on = (dataset.theme ?? (dark.matches ? 'dark' : 'light')) === 'dark';
    $('theme').setAttribute('aria-pressed', on);
    return on;
  };
  $('theme').onclick = () => { dataset.theme = theme() ? 'light' : 'dark'; theme(); };
  dark.onchange = theme;
  theme();
}
