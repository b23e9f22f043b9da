import type { CacheDriver, CacheKept, CacheRecord, ContentId } from "./driver.ts";

interface StoredContent {
  readonly pieces: Uint8Array[];
  record: CacheRecord | undefined;
  used: number;
}

/** Makes a driver that holds objects in memory, for as long as it is referenced: for a later service, and for tests. */
export function memoryCacheDriver(): CacheDriver {
  /** Contents by number; those with an object are in the order in which they were put. */
  const contents = new Map<ContentId, StoredContent>();
  const places = new Map<string, StoredContent>();
  let last = 0;
  let uses = 0;

  const begin = (): ContentId => {
    contents.set(++last, { pieces: [], record: undefined, used: 0 });
    return last;
  };
  const hide = (content: StoredContent | undefined): void => {
    if (!content?.record) return;
    places.delete(content.record.place);
    content.record = undefined;
  };

  return {
    load() {
      const kept: CacheKept[] = [];
      for (const [content, { record, used }] of contents) {
        if (record) kept.push({ ...record, content, used });
      }
      return kept;
    },
    append(id = begin(), pieces) {
      contents.get(id)?.pieces.push(...pieces);
      return id;
    },
    put(record, id = begin(), pieces) {
      const content = contents.get(id);
      if (!content) return undefined;
      content.pieces.push(...pieces);
      hide(content);
      hide(places.get(record.place));
      content.record = record;
      content.used = ++uses;
      places.set(record.place, content);
      contents.delete(id);
      contents.set(id, content);
      return id;
    },
    has: (id) => contents.has(id),
    read: (id, piece) => contents.get(id)?.pieces[piece],
    hide: (id) => hide(contents.get(id)),
    free(ids) {
      for (const id of ids) {
        hide(contents.get(id));
        contents.delete(id);
      }
    },
    purge(surrogateKey, soft) {
      for (const content of contents.values()) {
        const { record } = content;
        if (!record?.surrogateKeys.has(surrogateKey)) continue;
        if (soft) content.record = { ...record, purged: true };
        else hide(content);
      }
    },
    use(hits) {
      for (const [id, count] of hits) {
        const content = contents.get(id);
        if (!content?.record) continue;
        content.record = { ...content.record, hits: count };
        content.used = ++uses;
      }
    },
  };
}
