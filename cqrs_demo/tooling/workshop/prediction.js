// After choices.js. The first choice is recorded by the browser, so that a notebook's predictions
// can be counted.
if (box) {
  try {
    const name = 'cqrs-demo.prediction.' + box.dataset.question;
    if (box.dataset.first === button.value && !box.dataset.kept) {
      localStorage.setItem(name, button.value === box.dataset.right);
    };
    box.dataset.kept = true;
    const notebook = name.replace(/[0-9]+$/, '');
    const told = Object.keys(localStorage).filter(one => one.startsWith(notebook));
    const right = told.filter(one => localStorage.getItem(one) === 'true');
    score.textContent =
      `Your predictions in this notebook: ${right.length} of ${told.length} came true.`;
  } catch (error) {
    score.textContent = '';
  };
};
