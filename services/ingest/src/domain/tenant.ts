/** Whose key this is. The tenant comes from the key, never from the body. Today one key, one tenant. */
export function tenantOfKey(_apiKey: string): string {
  return 'default';
}
