import { spawn } from 'node:child_process';

/**
 * Sees to it that a process of a test does not outlive the test's own process, however that ends: a shell waits for the pipe between
 * us to break, then kills the process and removes its folder. Returns what ends the watch; to be called once the process is gone.
 */
export function watchOver(pid: number, folder: string): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$1"; rm -rf "$2"', 'watchdog', `${pid}`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A Ctrl-C in the terminal is meant for the test.
    detached: true,
  });
  // Where there is no /bin/sh there is no watchdog.
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  return () => {
    shell.kill('SIGKILL');
  };
}
