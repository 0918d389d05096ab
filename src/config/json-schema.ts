import { z } from 'zod';
import { byteSizeForm } from '../kernel/bytesize.ts';
import { durationForm } from '../kernel/duration.ts';
import { configSchema, listenerNames } from './schema.ts';
import { settingRegistry } from './setting.ts';

type JsonSchema = Record<string, unknown>;

/** The JSON Schema (2020-12) of the configuration file, for editors. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    metadata: z.registry(),
    override: ({ zodSchema, jsonSchema }) => {
      const meta = settingRegistry.get(zodSchema);
      if (meta === undefined) return;
      jsonSchema.description = plain(meta.description);
      if (meta.form.includes(durationForm) || meta.form.includes(byteSizeForm)) {
        // Written as texts; the bare 0 that is also read needs no place in an editor's help.
        delete jsonSchema.anyOf;
        jsonSchema.type = 'string';
      }
      if (meta.kind !== 'structure') jsonSchema.description += ` Expected: ${plain(meta.form)}.`;
    },
  }) as JsonSchema;
  const properties = schema['properties'] as Record<string, JsonSchema>;
  for (const name of listenerNames) {
    const full = properties[name] as JsonSchema;
    const address = (full['properties'] as Record<string, JsonSchema>)['address'] as JsonSchema;
    properties[name] = { description: address['description'], default: address['default'], anyOf: [address, full] };
  }
  return { ...schema, title: 'Configuration of Sluice' };
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
