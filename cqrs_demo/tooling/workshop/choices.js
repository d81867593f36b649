// Runs at each click into a group of questions (choices.py): shows what the choice comes to.
// `this` is the group. Each statement ends in a semicolon, because the lines are joined to one.
const group = this;
const button = event.target.closest('button');
const box = button && button.closest('[data-question]');
const score = group.querySelector('[data-score]');
if (box) {
  box.querySelectorAll('button').forEach(one => {
    one.setAttribute('aria-pressed', one === button);
    one.style.outline = one === button ? '2px solid #2a78b5' : 'none';
  });
  box.querySelectorAll('[data-for]').forEach(one => {
    one.hidden = one.dataset.for !== button.value;
  });
  box.querySelector('[data-because]').hidden = false;
  // The first choice counts; whoever clicks on another reads on.
  box.dataset.first ??= button.value;
};
