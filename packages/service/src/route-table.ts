/** Knows every registered route, so that a wrong method is told from an unknown path. */
import type { FastifyInstance } from 'fastify';

export type RouteTable = {
  /** The methods that the routes at this path take, sorted; empty: no such path. */
  methodsAt(path: string): readonly string[];
};

/** Must be created before the routes are. */
export function createRouteTable(http: FastifyInstance): RouteTable {
  const routes = new Map<string, { readonly path: RegExp; readonly methods: Set<string> }>();
  http.addHook('onRoute', ({ url, method }) => {
    const route = routes.get(url) ?? { path: pathPattern(url), methods: new Set<string>() };
    for (const one of [method].flat()) route.methods.add(one);
    routes.set(url, route);
  });
  return {
    methodsAt: (path) => {
      const found = new Set<string>();
      for (const route of routes.values()) {
        if (route.path.test(path)) for (const method of route.methods) found.add(method);
      }
      return [...found].toSorted();
    },
  };
}

/** Fastify's route syntax: ":name" is a parameter, also with its pattern in parentheses, "::" a colon, "*" the rest. */
function pathPattern(url: string): RegExp {
  const source = url.replace(/::|:\w+(?:\([^)]*\))?|\*|[.+?^${}()|[\]\\]/g, (token) => {
    if (token === '::') return ':';
    if (token.startsWith(':')) return '[^/]+';
    return token === '*' ? '.*' : `\\${token}`;
  });
  return new RegExp(`^${source}/?$`);
}
