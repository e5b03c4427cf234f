/** What is in schema `public`, as text in a fixed order: equal texts, equal schemas. */
import type pg from 'pg';

const SECTIONS: readonly [string, string][] = [
  [
    'tables',
    `SELECT format('%s%s', c.relname, ' WITH (' || array_to_string(c.reloptions, ', ') || ')') AS line
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY c.relname`,
  ],
  [
    'columns',
    `SELECT format('%s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN l.collname NOT IN ('default') THEN ' COLLATE ' || quote_ident(l.collname) END,
              CASE WHEN a.attnotnull THEN ' NOT NULL' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)) AS line
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_collation l ON l.oid = a.attcollation
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname, a.attnum`,
  ],
  [
    'constraints',
    `SELECT format('%s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS line
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1`,
  ],
  [
    'indexes',
    `SELECT pg_get_indexdef(i.indexrelid) AS line FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1`,
  ],
  [
    'triggers',
    `SELECT pg_get_triggerdef(t.oid) AS line FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal ORDER BY 1`,
  ],
  [
    'functions',
    `SELECT pg_get_functiondef(p.oid) AS line FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' ORDER BY p.proname, 1`,
  ],
  [
    'grants',
    `SELECT format('%s %s TO %s', kind, string_agg(privilege, ', ' ORDER BY privilege) || ' ON ' || name, grantee) AS line
     FROM (
       SELECT 'GRANT' AS kind, c.relname AS name, a.privilege_type AS privilege, a.grantee::regrole::text AS grantee
       FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
       WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
       UNION ALL
       SELECT 'GRANT', p.oid::regprocedure::text, a.privilege_type,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
       FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
       WHERE p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner
       UNION ALL
       SELECT 'GRANT', 'SCHEMA public', a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
       FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
       WHERE n.nspname = 'public' AND a.grantee <> n.nspowner
     ) g GROUP BY kind, name, grantee ORDER BY name, grantee`,
  ],
  [
    'settings of morningai_app',
    `SELECT unnest(s.setconfig) AS line FROM pg_db_role_setting s
     WHERE s.setrole = 'morningai_app'::regrole AND s.setdatabase = 0 ORDER BY 1`,
  ],
];

export async function dumpSchema(client: pg.Client): Promise<string> {
  const parts: string[] = [];
  for (const [title, sql] of SECTIONS) {
    const { rows } = await client.query<{ line: string }>(sql);
    parts.push([`-- ${title}`, ...rows.map(({ line }) => line.trimEnd())].join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}
