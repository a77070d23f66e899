import * as vscode from 'vscode';
import type { Encoding } from '../protocol/latents/encoding';
import type { Analysis } from './analyses';
import { EngineCancelledError, type RequestOptions } from './engineClient';
import type { Log } from './log';
import { Work } from './work';

/** An encoding that takes longer has a notification. */
const PATIENCE_MS = 1000;

interface Encoded {
  work: Promise<Encoding>;
  now?: Encoding;
  failed?: string;
}

/** What autoencoders say about analyses, each computed once, one at a time; forgotten with the analysis. */
export class Encodings<Sae extends object> implements vscode.Disposable {
  private readonly known = new WeakMap<Analysis, Map<Sae, Encoded>>();
  private readonly work: Work;

  constructor(
    log: Log,
    private readonly encode: (sae: Sae, ids: number[], options: RequestOptions) => Promise<Encoding>,
    private readonly onChange: () => void,
  ) {
    this.work = new Work(log, PATIENCE_MS);
  }

  /** @param again what failed or was cancelled does not count */
  has(sae: Sae, analysis: Analysis, again = false): boolean {
    const known = this.known.get(analysis)?.get(sae);
    return known !== undefined && !(again && known.failed !== undefined);
  }

  now(sae: Sae, analysis: Analysis): Encoding | undefined {
    return this.known.get(analysis)?.get(sae)?.now;
  }

  error(sae: Sae, analysis: Analysis): string | undefined {
    return this.known.get(analysis)?.get(sae)?.failed;
  }

  /** Stops what is being encoded. */
  cancel(): void {
    this.work.cancel();
  }

  /** What failed is tried again. Another analysis or autoencoder stops what is being encoded. */
  of(sae: Sae, analysis: Analysis): Promise<Encoding> {
    let bySae = this.known.get(analysis);
    if (!bySae) this.known.set(analysis, (bySae = new Map()));
    const known = bySae.get(sae);
    if (known && known.failed === undefined) return known.work;
    const work = this.run(sae, analysis);
    const encoded: Encoded = { work };
    bySae.set(sae, encoded);
    work
      .then(
        (encoding) => void (encoded.now = encoding),
        (error: unknown) => void (encoded.failed = error instanceof Error ? error.message : String(error)),
      )
      .finally(this.onChange);
    return work;
  }

  private async run(sae: Sae, { info, source }: Analysis): Promise<Encoding> {
    const ids = info.tokens.map(({ id }) => id);
    const title = vscode.l10n.t('Encoding {0}', source.name);
    let why: unknown;
    const encoding = await this.work.run(
      title,
      (token, onProgress) =>
        this.encode(sae, ids, { token, onProgress }).catch((error: unknown) => {
          why = error;
          throw error;
        }),
      () => undefined,
    );
    if (encoding) return encoding;
    throw why instanceof EngineCancelledError
      ? new Error(vscode.l10n.t('{0} was cancelled. Run the analysis again.', title))
      : why;
  }

  dispose(): void {
    this.work.dispose();
  }
}
