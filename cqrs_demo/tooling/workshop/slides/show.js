// One slide at a time: the arrow keys, space, or the two buttons go on and back. The address keeps
// the slide's number, so that a reload stays where it was.
const slides = [...document.querySelectorAll('main > section')];
const status = document.querySelector('nav [role=status]');
let now = 0;

function show(number) {
  now = Math.min(Math.max(number, 0), slides.length - 1);
  slides.forEach((slide, place) => slide.classList.toggle('now', place === now));
  status.textContent = `${now + 1} of ${slides.length}`;
  history.replaceState(null, '', `#${now + 1}`);
  scrollTo(0, 0);
}

const KEYS = {ArrowRight: 1, PageDown: 1, ' ': 1, ArrowLeft: -1, PageUp: -1, Home: -1e6, End: 1e6};

addEventListener('keydown', event => {
  const onButton = event.key === ' ' && event.target.closest('button, summary, a');
  if (KEYS[event.key] && !onButton) {
    event.preventDefault();
    show(now + KEYS[event.key]);
  }
});
document.querySelectorAll('nav button').forEach(button => {
  button.onclick = () => show(now + Number(button.value));
});
show((Number(location.hash.slice(1)) || 1) - 1);
