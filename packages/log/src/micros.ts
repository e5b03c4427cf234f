/** SQL that gives a time as microseconds since 1970, the unit in which a fold has its times. */

/** A reading of the clock as microseconds since 1970. A double of seconds is exact enough for 70 years around 2020, and cheap. */
export function clockMicros(column: string): string {
  return `(date_part('epoch', ${column} - timestamptz '2020-01-01 00:00:00Z') * 1000000)::bigint + 1577836800000000`;
}

/** The same for any time, exactly. */
export function exactMicros(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000000)::bigint`;
}
