/**
 * The marker: what Redis must still know if it has forgotten nothing. The leader raises its beat at every tick; a marker that is missing
 * or lower than the leader wrote says that Redis forgot something (restarted empty, flushed, failed over to a stale copy, restored), a
 * higher one that somebody else leads. Each change is one script, so a leader that was frozen cannot overwrite its successor's.
 */
import type { Redis } from 'ioredis';

/** `term`: which leader; `epoch`: the generation of what Redis holds; `beat`: rises at every tick. */
export type Mark = { readonly term: number; readonly epoch: number; readonly beat: number };

export type Beaten =
  | { readonly kind: 'ok'; readonly mark: Mark }
  | { readonly kind: 'forgot' }
  | { readonly kind: 'superseded'; readonly mark: Mark };

export type Marker = {
  /** Null: there is none. */
  read(): Promise<Mark | null>;
  /** Raises the beat if the marker is just as this leader left it. */
  beat(last: Mark): Promise<Beaten>;
  /** Begins an epoch, unless somebody with a higher term has begun one. */
  plant(term: number, epoch: number): Promise<Beaten>;
  /** Makes Redis look as if it had forgotten. */
  erase(): Promise<void>;
};

const BEAT = `
local term, epoch, beat = unpack(redis.call('HMGET', KEYS[1], 'term', 'epoch', 'beat'))
if not (term and epoch and beat) then return {0} end
term, epoch, beat = tonumber(term), tonumber(epoch), tonumber(beat)
local own_term, own_epoch, own_beat = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if term > own_term or (term == own_term and epoch > own_epoch) then return {-1, term, epoch, beat} end
if term < own_term or epoch < own_epoch or beat < own_beat then return {0} end
return {1, term, epoch, redis.call('HINCRBY', KEYS[1], 'beat', 1)}`;

const PLANT = `
local term, epoch, beat = unpack(redis.call('HMGET', KEYS[1], 'term', 'epoch', 'beat'))
local own_term, own_epoch = tonumber(ARGV[1]), tonumber(ARGV[2])
if term and epoch and (tonumber(term) > own_term or (tonumber(term) == own_term and tonumber(epoch) > own_epoch)) then
  return {-1, tonumber(term), tonumber(epoch), tonumber(beat or 0)}
end
redis.call('HSET', KEYS[1], 'term', own_term, 'epoch', own_epoch, 'beat', 0)
return {1, own_term, own_epoch, 0}`;

type Reply = [1 | -1, number, number, number] | [0];

type Scripts = {
  beatMarker(key: string, term: number, epoch: number, beat: number): Promise<Reply>;
  plantMarker(key: string, term: number, epoch: number): Promise<Reply>;
};

export function createMarker(redis: Redis, prefix: string): Marker {
  const key = `${prefix}:marker`;
  redis.defineCommand('beatMarker', { numberOfKeys: 1, lua: BEAT });
  redis.defineCommand('plantMarker', { numberOfKeys: 1, lua: PLANT });
  const scripts = redis as unknown as Scripts;

  return {
    async read() {
      const [term, epoch, beat] = await redis.hmget(key, 'term', 'epoch', 'beat');
      if (term == null || epoch == null || beat == null) return null;
      return { term: Number(term), epoch: Number(epoch), beat: Number(beat) };
    },
    beat: async ({ term, epoch, beat }) => beatenOf(await scripts.beatMarker(key, term, epoch, beat)),
    plant: async (term, epoch) => beatenOf(await scripts.plantMarker(key, term, epoch)),
    async erase() {
      await redis.del(key);
    },
  };
}

function beatenOf(reply: Reply): Beaten {
  if (reply[0] === 0) return { kind: 'forgot' };
  const [code, term, epoch, beat] = reply;
  return { kind: code === 1 ? 'ok' : 'superseded', mark: { term, epoch, beat } };
}
