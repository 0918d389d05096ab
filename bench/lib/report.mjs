/** The table a run prints, and the line that says where and when it was made. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

const round = (number) => (number === undefined ? '' : Number(number.toPrecision(3)).toString());

/**
 * `aim reached` | `must met` | `missed`, by the ratio or, for figures without a peer to beat, by the figure itself: at most what
 * must be, or at least that much where `atLeast` is true. With `within` the ratio may differ from 1 by so much. Empty where
 * there is no target: a figure for information.
 */
export function verdictOf({ must, aim, mustFigure, aimFigure, ratio, subject, atLeast = false, within }) {
  if (within !== undefined) return Math.abs(ratio - 1) <= within ? 'aim reached' : 'missed';
  const [figure, limit, wished] = mustFigure === undefined ? [ratio, must, aim] : [subject, mustFigure, aimFigure];
  const reaches = (wanted) => (atLeast ? figure >= wanted : figure <= wanted);
  if (limit === undefined) return '';
  if (!reaches(limit)) return 'missed';
  return wished === undefined || reaches(wished) ? 'aim reached' : 'must met';
}

/** The Markdown table. A row that could not be measured has `failure` instead of figures. */
export function tableOf(rows) {
  const head = ['case', 'peer', 'peer figure', 'Sluice', 'ratio (lowest-highest)', 'must', 'aim', 'verdict'];
  const lines = rows.map((row) => {
    if (row.failure !== undefined) return [row.case, '', '', '', '', '', '', `not run: ${row.failure.split('\n')[0]}`];
    const unit = row.unit;
    const spread = row.lowest === undefined ? '' : ` (${row.lowest.toFixed(2)}-${row.highest.toFixed(2)})`;
    const sign = row.atLeast ? '>=' : '<=';
    const target = (ratio, figure) =>
      ratio !== undefined ? `${sign} ${ratio} x` : figure !== undefined ? `${sign} ${figure} ${unit}` : '';
    const must = row.within === undefined ? target(row.must, row.mustFigure) : `within ${row.within * 100} %`;
    return [
      row.case,
      row.peerName,
      `${round(row.peer)} ${unit}`,
      `${round(row.subject)} ${unit}`,
      `${row.ratio.toFixed(2)}${spread}`,
      must,
      target(row.aim, row.aimFigure),
      verdictOf(row),
    ];
  });
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** One line: date, processor, cores, memory, kernel, Node, load of the machine before the run. */
export function machineLine() {
  const [cpu] = cpus();
  const model =
    cpu?.model.trim() || (/^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown');
  return [
    new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    `${availableParallelism()} x ${model}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `load average before ${loadavg()[0].toFixed(2)}`,
  ].join(' · ');
}
