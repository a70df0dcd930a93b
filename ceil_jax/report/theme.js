// The theme: what the system says, unless the reader has chosen.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const names = {auto: 'Auto', light: 'Light', dark: 'Dark'};
  const next = {auto: 'light', light: 'dark', dark: 'auto'};
  let want = 'auto';
  try {
    const kept = localStorage.getItem('theme');
    want = kept in names ? kept : 'auto';
  } catch {}  // no memory: a private window

  function apply() {
    root.dataset.theme = want === 'auto' ? (dark.matches ? 'dark' : 'light') : want;
    const button = document.getElementById('theme');
    if (!button) return;
    button.querySelector('span').textContent = names[want];
    button.setAttribute('aria-label', `Theme: ${names[want]}. Change theme`);
  }

  dark.addEventListener('change', apply);
  apply();
  document.addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme')?.addEventListener('click', () => {
      want = next[want];
      try { localStorage.setItem('theme', want); } catch {}
      apply();
    });
  });
  addEventListener('beforeprint', () => { root.dataset.theme = 'light'; });
  addEventListener('afterprint', apply);
})();
