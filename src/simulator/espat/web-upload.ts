import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** AT+WEBSERVER: the module takes an image by HTTP (fact sheet C.6). */
export interface WebUpload {
  /** Whether the image was taken. */
  onImage(body: Buffer): boolean;
  onReport(text: string): void;
}

/** Calls back when it listens, or cannot. */
export function openWebUpload(port: number, upload: WebUpload, onOpen: (isOpen: boolean) => void): Server {
  const server = createServer((request, response) => take(request, response, upload));
  server.once('error', () => onOpen(false));
  server.listen(port, '127.0.0.1', () => onOpen(true));
  return server;
}

function take(request: IncomingMessage, response: ServerResponse, { onImage, onReport }: WebUpload): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const isOta = request.method === 'POST' && request.url === '/setotadata' && request.headers['object'] === 'ota';
    onReport('+WEBSERVERRSP:3\r\n');
    const isGood = isOta && onImage(Buffer.concat(chunks));
    onReport(`+WEBSERVERRSP:${isGood ? 4 : 5}\r\n`);
    const json = JSON.stringify({ state: isGood ? 0 : 1 });
    response.writeHead(200, { 'Content-Length': json.length });
    response.end(json);
  });
}
