const HUGE_PAGES = 'glibc.malloc.hugetlb';

/**
 * The environment of the engine's process. What ONNX Runtime makes and what is copied out of it is memory that is new to the
 * process: hundreds of MB a run, a page fault for every 4 KiB of it. Where the C library is glibc (2.35 or later) and Linux
 * gives large pages to who asks (`madvise`), its malloc asks for them: a fault for every 2 MiB, and products miss the TLB less.
 * Other C libraries do not read the variable; what the person set of it stays.
 */
export function engineEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): NodeJS.ProcessEnv {
  const own = env['GLIBC_TUNABLES'] ?? '';
  if (platform !== 'linux' || own.includes(HUGE_PAGES)) return { ...env };
  return { ...env, GLIBC_TUNABLES: [...(own ? [own] : []), `${HUGE_PAGES}=1`].join(':') };
}
