// What the theme leaves out for those who do not see the page or use no mouse.
document.addEventListener('DOMContentLoaded', () => {
  const all = (what, then) => document.querySelectorAll(what).forEach(then);
  all('p.caption[role=heading]', (e) => e.setAttribute('aria-level', '2'));
  all('.sidebar-drawer', (e) => e.setAttribute('aria-label', 'Pages'));
  all('.toc-drawer', (e) => e.setAttribute('aria-label', 'On this page'));
  // The parameters of a signature are a list of definitions without terms.
  all('.sig dl:not([class])', (e) => e.setAttribute('role', 'none'));
  all('pre, .table-wrapper', (e) => {
    if (e.scrollWidth > e.clientWidth) e.setAttribute('tabindex', '0');
  });
});
