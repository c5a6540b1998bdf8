// Predict, then reveal: each number is hidden until it is guessed or shown.

let tries = 0;  // at this step

$('predict').onclick = () => {
  quiz = !quiz;
  $('predict').setAttribute('aria-pressed', quiz);
  known.clear();
  Object.assign(score, {right: 0, wrong: 0, shown: 0});
  pause();
  go(0);
  if (quiz) $('guess').focus();
};

function answer(kind, words) {
  score[kind] += 1;
  known.add(now);
  update();
  const {chains: [chain], plus} = lines(now)[0];
  judge(kind, `${words} ${equations(chain, plus).join(' ')}`);
}

function judge(kind, words) {
  $('verdict').className = kind;
  $('verdict').textContent = words;
}

// '-0.5', '1/2', '2,5', '−3e-2' as a number; NaN where it is none.
function guessed(text) {
  const parts = text.replaceAll('−', '-').replaceAll(',', '.').split('/').map(part => part.trim());
  if (parts.length > 2 || parts.includes('')) return NaN;
  const [above, below = 1] = parts.map(Number);
  return finite(above / below);
}

const near = (guess, value) => Math.abs(guess - value) <= 0.01 * Math.abs(value) + 1e-12;

// What helps after a wrong guess, without giving the number away.
function hint(guess) {
  const {kind, node, value, local} = steps[now];
  if (near(-guess, value)) return 'the size is right, the sign is not';
  if (kind === 'forward') return `${names[node]} = ${formula(node, valueText)}`;
  if (kind === 'seed') return 'by how much does a number grow when it grows by 1?';
  if (near(guess, local)) return `that is the local gradient: multiply it by ${d(root, node)} = ${gradText(node)}`;
  const text = localChain(steps[now], true).at(-1);
  return `${d(root, node)} = ${gradText(node)}, and ${partial(steps[now])} = ${text}`;
}

function check() {
  if (shown(now) || !now) return go(now + 1);
  const guess = guessed($('guess').value), {value} = steps[now];
  if (isNaN(guess)) return judge('', 'Type a number, such as −0.5 or 1/2, or press “Show me”.');
  if (near(guess, value)) return answer('right', '✓ Right:');
  if (tries++) return answer('wrong', `✗ Not ${number(guess)}, but`);
  judge('wrong', `✗ Not ${number(guess)}. A hint: ${hint(guess)}. Try once more.`);
  $('guess').select();
}
$('check').onclick = check;
$('reveal').onclick = () => { if (!shown(now)) answer('shown', 'It is'); };
$('guess').onkeydown = event => { if (event.key === 'Enter') check(); };
