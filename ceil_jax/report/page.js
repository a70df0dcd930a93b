// What every page does: values of curves, commands to be copied, boxes that scroll.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const figures = JSON.parse(document.getElementById('data').textContent).figures || {};
  all('.js').forEach((element) => { element.hidden = false; });

  // A box that scrolls sideways can be reached by the keyboard.
  function boxes() {
    all('.scroll').forEach((box) => {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    });
  }
  addEventListener('resize', boxes);
  all('details').forEach((each) => each.addEventListener('toggle', boxes));
  boxes();

  // Contents: mark the section that is read.
  const toc = all('.toc a');
  const seen = new Map();
  const spy = new IntersectionObserver((entries) => {
    entries.forEach((entry) => seen.set(entry.target.id, entry.isIntersecting));
    const current = toc.find((link) => seen.get(link.hash.slice(1)));
    if (!current) return;
    toc.forEach((link) => link.removeAttribute('aria-current'));
    current.setAttribute('aria-current', 'true');
  }, {rootMargin: '-80px 0px -55% 0px'});
  toc.forEach((link) => {
    const section = document.getElementById(link.hash.slice(1));
    if (section) spy.observe(section);
  });

  // Curves: values at the pointer, or with the arrow keys.
  function shown(value, unit) {
    if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(1);
    return String(+value.toFixed(unit === '%' ? 1 : 2));
  }
  all('figure[data-fig]').forEach((figure) => {
    const data = figures[figure.dataset.fig];
    const svg = figure.querySelector('svg');
    const out = figure.querySelector('.read');
    if (!data || !svg || !out) return;
    const [left, top, right, bottom] = data.box;
    const [low, high] = data.x;
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    for (const [name, value] of Object.entries({
      stroke: 'var(--ink3)', visibility: 'hidden', y1: top, y2: bottom,
    })) line.setAttribute(name, value);
    svg.append(line);
    let at = -1;

    function set(index) {
      at = Math.max(0, Math.min(data.xs.length - 1, index));
      const span = high - low || 1;
      const x = left + (data.xs[at] - low) / span * (right - left);
      line.setAttribute('x1', x);
      line.setAttribute('x2', x);
      line.setAttribute('visibility', 'visible');
      const name = document.createElement('b');
      name.textContent = `${data.xname} ${data.xs[at]}  `;
      out.replaceChildren(name);
      data.series.forEach(([label, values, token]) => {
        if (values[at] == null) return;
        const word = document.createElement('span');
        word.style.color = `var(--${token})`;
        const unit = data.unit ? ` ${data.unit}` : '';
        word.textContent = ` ${label} ${shown(values[at], data.unit)}${unit} `;
        out.append(word);
      });
    }
    function clear() {
      line.setAttribute('visibility', 'hidden');
      out.textContent = '';
      at = -1;
    }
    svg.addEventListener('pointermove', (event) => {
      const rect = svg.getBoundingClientRect();
      const x = (event.clientX - rect.left) / rect.width * svg.viewBox.baseVal.width;
      const value = low + (x - left) / (right - left) * (high - low);
      let best = 0;
      data.xs.forEach((each, index) => {
        if (Math.abs(each - value) < Math.abs(data.xs[best] - value)) best = index;
      });
      set(best);
    });
    svg.addEventListener('pointerleave', clear);
    figure.tabIndex = 0;
    figure.addEventListener('blur', clear);
    figure.addEventListener('keydown', (event) => {
      if (event.target !== figure) return;
      if (event.key === 'Escape') clear();
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      set(at < 0 ? 0 : at + step);
    });
  });

  // Commands: copied, or selected where copying is forbidden.
  all('.copy').forEach((button) => button.addEventListener('click', async () => {
    const text = button.parentElement.querySelector('pre');
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = 'Copied';
    } catch {
      const range = document.createRange();
      range.selectNodeContents(text);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = 'Selected';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  }));
})();
