import type { FastifyReply } from 'fastify';

/** Sends exactly this content type: JSON has no charset (RFC 8259 §11), and fastify adds one to any text. */
export function sendJson(reply: FastifyReply, code: number, body: object, type = 'application/json'): FastifyReply {
  return reply
    .code(code)
    .header('content-type', type)
    .send(Buffer.from(JSON.stringify(body)));
}
