// What matched: maps of the first answers over their pictures, drawn once asked for.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent).matches;
  const button = document.querySelector('.matches-switch');
  if (!data || !button) return;
  const [height, width] = data.size;
  const places = height * width;
  const DIMMEST = 0.2;  // as in Model.explain
  const thirds = ['upper', 'middle', 'lower'];
  const lists = [...document.querySelectorAll('.list')];
  const box = document.querySelector('.lists');
  const shades = new Map();
  const [small, large] = [[width, height], [32, 64]].map((size) => {
    const made = document.createElement('canvas');
    [made.width, made.height] = size;
    return made.getContext('2d', {willReadFrequently: true});
  });
  large.imageSmoothingQuality = 'high';

  function svg(name, attributes) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }
  // A shade over a picture, and where it lets most through, in words.
  function shade(number) {
    if (shades.has(number)) return shades.get(number);
    const digits = data.maps.slice(number * places, (number + 1) * places);
    const image = small.createImageData(width, height);
    const [sums, counts] = [[0, 0, 0], [0, 0, 0]];
    for (let at = 0; at < places; at += 1) {
      const share = parseInt(digits[at], 36) / 35;
      image.data[4 * at + 3] = 255 * (1 - DIMMEST) * (1 - share);
      const third = Math.floor(3 * (Math.floor(at / width) + 0.5) / height);
      sums[third] += share;
      counts[third] += 1;
    }
    small.putImageData(image, 0, 0);
    // Smooth already here: not every printer smooths a picture of few pixels.
    large.clearRect(0, 0, 32, 64);
    large.drawImage(small.canvas, 0, 0, 32, 64);
    const means = sums.map((sum, third) => sum / Math.max(counts[third], 1));
    const where = thirds[means.indexOf(Math.max(...means))];
    const says = `matched most in its ${where} third`;
    const made = {file: large.canvas.toDataURL(), says};
    shades.set(number, made);
    return made;
  }
  function cover(made) {
    return svg('image', {
      class: 'm', width: 32, height: 64, href: made.file, preserveAspectRatio: 'none',
    });
  }
  function draw(list) {
    if (list.dataset.drawn) return;
    list.dataset.drawn = 'yes';
    const use = list.querySelector('.q use');
    list.querySelectorAll('[data-x]').forEach((answer) => {
      const pair = Number(answer.dataset.x);
      const [query, found] = [shade(2 * pair), shade(2 * pair + 1)];
      const picture = answer.querySelector('svg');
      picture.dataset.says = picture.getAttribute('aria-label');
      picture.dataset.more = `${picture.dataset.says}, ${found.says}`;
      picture.append(cover(found));
      const asked = svg('svg', {
        class: 'm asked', viewBox: '0 0 32 64', role: 'img',
        'aria-label': `query, ${query.says}`,
      });
      if (use) asked.append(use.cloneNode());
      asked.append(cover(query));
      answer.append(asked);
    });
  }
  function name(list, isOn) {
    list.querySelectorAll('[data-more]').forEach((picture) => {
      const {more, says} = picture.dataset;
      picture.setAttribute('aria-label', isOn ? more : says);
    });
  }
  const isOn = () => button.getAttribute('aria-pressed') === 'true';
  // Lists that are out of sight, some at a time: the page answers meanwhile.
  function finish(many) {
    const left = isOn() ? lists.filter((list) => !list.dataset.drawn) : [];
    left.slice(0, many).forEach((list) => { draw(list); name(list, true); });
    if (left.length > many) setTimeout(finish, 0, many);
  }
  button.addEventListener('click', () => {
    button.setAttribute('aria-pressed', String(!isOn()));
    box.classList.toggle('matched', isOn());
    document.querySelector('.matches-says').hidden = !isOn();
    lists.forEach((list) => {
      if (isOn() && !list.hidden) draw(list);
      name(list, isOn());
    });
    setTimeout(finish, 50, 2);
  });
  addEventListener('beforeprint', () => finish(Infinity));
})();
