import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs an example to its end.
 *
 * @param lines what a person types, one turn per line
 * @returns what it prints, line by line
 * @throws Error when it ends with anything but 0
 */
export async function runExample(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  lines: readonly string[],
): Promise<string[]> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors}`);
  return output.trimEnd().split('\n');
}
