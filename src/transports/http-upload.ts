import { FlashError } from '../errors.ts';
import { http } from './http.ts';

/** One POST with a body of known size. */
export interface HttpUpload {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Without any sign of life. */
  readonly stallMs: number;
  onProgress(sentBytes: number): void;
}

/** Answers of devices are short. */
const LONGEST_ANSWER = 64 * 1024;
const CHUNK_BYTES = 8 * 1024;

/** Posts bytes, with their length in front, and returns what comes back. @throws FlashError LINK_CLOSED; the signal's reason */
export function uploadByHttp(upload: HttpUpload, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const { address, port, path, body, stallMs } = upload;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `the upload to http://${address}:${port}${path} broke off: ${why}`;
      reject(signal.aborted ? signal.reason : new FlashError('LINK_CLOSED', message, { cause }));
    };
    const headers = { ...upload.headers, 'Content-Length': String(body.length), Connection: 'close' };
    const post = http.request(
      { host: address, port, path, method: 'POST', headers, signal, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, LONGEST_ANSWER);
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', fail);
      },
    );
    post.setTimeout(stallMs, () => post.destroy(new Error(`no sign of life for ${Math.round(stallMs / 1000)} s`)));
    post.on('error', fail);
    const writeFrom = (offset: number): void => {
      const chunk = body.subarray(offset, offset + CHUNK_BYTES);
      post.write(chunk, (error) => {
        if (error) return;
        const sent = offset + chunk.length;
        upload.onProgress(sent);
        if (sent >= body.length) post.end();
        else writeFrom(sent);
      });
    };
    writeFrom(0);
  });
}
