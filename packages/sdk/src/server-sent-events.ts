/** Reads a body of server-sent events: the data of each message, in order. Comments and other fields are skipped. */
export async function* readMessages(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const utf8 = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    onBytes();
    const blocks = (rest + utf8.decode(bytes, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n').filter((line) => line.startsWith('data:'));
      if (lines.length > 0) yield lines.map((line) => line.slice('data:'.length).trimStart()).join('\n');
    }
  }
}
