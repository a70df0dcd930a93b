// The report: lists by filters and links, and people on the map.
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const data = JSON.parse(document.getElementById('data').textContent);

  // Ranked lists
  const form = one('.filters');
  const lists = all('.list');
  const heads = all('.group');

  function fits(list, wanted) {
    const {g, m, qc, gc, o} = list.dataset;
    if (wanted.g !== 'every' && g !== wanted.g) return false;
    if (m !== wanted.m) return false;
    if (wanted.qc && qc !== wanted.qc) return false;
    if (wanted.gc && gc !== wanted.gc) return false;
    if (!wanted.o || o === wanted.o) return true;
    // "r1": right at last, whatever it was before; "r0": wrong at last.
    return wanted.o[0] === 'r' && o[1] === wanted.o[1];
  }
  function show() {
    const wanted = Object.fromEntries(new FormData(form));
    let count = 0;
    lists.forEach((list) => {
      list.hidden = !fits(list, wanted);
      count += !list.hidden;
    });
    const groups = new Set(
      lists.filter((list) => !list.hidden).map((list) => list.dataset.g));
    heads.forEach((head) => {
      const {g, m} = head.dataset;
      head.hidden = m !== wanted.m || !groups.has(g);
    });
    one('.lists').classList.remove('all');
    const total = lists.filter((list) => list.dataset.m === wanted.m).length;
    one('.count').textContent = count
      ? `${count} of ${total} lists`
      : 'No list fits. Clear a filter to see more.';
  }
  // Lists out of sight have a guessed height: jump again once those above are laid out.
  function jump(target, again = 4) {
    target.scrollIntoView({behavior: 'instant'});
    target.focus({preventScroll: true});
    if (again) requestAnimationFrame(() => jump(target, again - 1));
  }
  function reveal() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch {}  // as it stands
    const target = lists.find((list) => list.id === name);
    if (!target) return;
    if (target.hidden) {
      form.reset();
      form.elements.g.value = 'every';
      form.elements.m.value = target.dataset.m;
      show();
    }
    jump(target);
  }
  if (form) {
    form.hidden = false;
    form.addEventListener('submit', (event) => event.preventDefault());
    form.addEventListener('change', show);
    form.addEventListener('reset', () => setTimeout(show));
    all('.heat a').forEach((cell) => cell.addEventListener('click', () => {
      form.reset();
      form.elements.g.value = 'every';
      form.elements.m.value = cell.dataset.m;
      form.elements.qc.value = cell.dataset.qc;
      form.elements.gc.value = cell.dataset.gc;
      setTimeout(() => {
        form.elements.g.value = 'every';
        form.elements.m.value = cell.dataset.m;
        form.elements.qc.value = cell.dataset.qc;
        form.elements.gc.value = cell.dataset.gc;
        show();
      });
    }));
    show();
    reveal();
    addEventListener('hashchange', reveal);
  }

  // Map: one person in front of the others.
  const pick = one('#person');
  const map = one('.map');
  if (!pick || !map) return;
  const dots = () => Object.entries(data.people).flatMap(([id, person]) =>
    [...(person.v + person.i).matchAll(/M(\d+) (\d+)/g)]
      .map(([, x, y]) => [+x, +y, id]));
  let points;
  pick.addEventListener('change', () => {
    const person = data.people[pick.value] || {v: '', i: '', says: ''};
    map.classList.toggle('person', Boolean(pick.value));
    one('.map .hv').setAttribute('d', person.v);
    one('.map .hi').setAttribute('d', person.i);
    one('#person-says').textContent = person.says;
  });
  map.addEventListener('click', (event) => {
    points ??= dots();
    const rect = map.getBoundingClientRect();
    const {width, height} = map.viewBox.baseVal;
    const x = (event.clientX - rect.left) / rect.width * width;
    const y = (event.clientY - rect.top) / rect.height * height;
    let best = '';
    let nearest = 30 ** 2;
    points.forEach(([left, top, id]) => {
      const far = (left - x) ** 2 + (top - y) ** 2;
      if (far < nearest) [nearest, best] = [far, id];
    });
    pick.value = best;
    pick.dispatchEvent(new Event('change'));
  });
})();
