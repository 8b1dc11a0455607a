/**
 * The database of a store, `bay/store.sqlite`: the truth for names, links, leases and the journal, and a copy (to be had again from the blobs) of what lists need.
 *
 * `PRAGMA user_version` is the format's number; `migrations[n]` leads from n to n + 1 in one transaction. A number that is not in this list belongs to a later version of ours.
 * Digests are text: they are compared, ranged over (a short id is a prefix) and shown far more often than they are stored.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    moved_to TEXT,                            -- where the store lives now; no row of this file counts then
    change INTEGER NOT NULL DEFAULT 0,        -- counts the changes of what index.json shows
    index_change INTEGER NOT NULL DEFAULT 0,  -- up to which of them it shows
    index_journal INTEGER NOT NULL DEFAULT 0, -- up to which row of the journal
    index_hash TEXT,                          -- of the index.json last written or taken in
    previous_mark TEXT,                       -- of the file that it took the place of, which a tool may have had open
    foreign_json TEXT                         -- JSON: what other tools have in index.json that is not ours to understand
  );
  INSERT INTO state (id) VALUES (1);

  -- Files in blobs/. state: 0 adopted, only the size is known to be right; 1 verified; 2 damaged: not the bytes of its digest.
  CREATE TABLE blob (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    state INTEGER NOT NULL,
    mark TEXT,                                -- of a damaged file: which one it was, so that another in its place is looked at
    added INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX blob_unsure ON blob (state) WHERE state <> 1;

  CREATE TABLE manifest (
    digest TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    subject TEXT,
    artifact_type TEXT,                       -- as referrers lists show it: its own, else the config's media type
    artifact INTEGER NOT NULL,                -- 1: no image and no list of images
    annotations TEXT
  ) WITHOUT ROWID;
  CREATE INDEX manifest_subject ON manifest (subject) WHERE subject IS NOT NULL;
  CREATE INDEX manifest_artifact ON manifest (digest, artifact_type) WHERE artifact;

  -- What points at what. kind: 0 manifest, 1 config, 2 layer or other piece. optional: a foreign layer.
  CREATE TABLE edge (
    parent TEXT NOT NULL,
    kind INTEGER NOT NULL,
    position INTEGER NOT NULL,
    child TEXT NOT NULL,
    size INTEGER NOT NULL,
    optional INTEGER NOT NULL,
    media_type TEXT,                          -- of manifests, as the platform and the attestation mark
    platform TEXT,
    attestation INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (parent, kind, position)
  ) WITHOUT ROWID;
  CREATE INDEX edge_child ON edge (child, parent);
  CREATE INDEX edge_manifest ON edge (parent, position) WHERE kind = 0;

  CREATE TABLE image (
    digest TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    added INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- repo is registry/repository; tag begins with @ where the name has a digest instead.
  CREATE TABLE name (
    repo TEXT NOT NULL,
    tag TEXT NOT NULL,
    target TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_size INTEGER NOT NULL,
    origin TEXT,
    origin_type TEXT,
    origin_size INTEGER,
    tagged INTEGER NOT NULL,
    PRIMARY KEY (repo, tag)
  ) WITHOUT ROWID;
  CREATE INDEX name_target ON name (target, repo);
  CREATE INDEX name_origin ON name (origin, repo) WHERE origin IS NOT NULL;

  -- How another tool wrote a name into index.json, where that is not our spelling; repo and tag are absent where it is no reference at all.
  CREATE TABLE alias (
    typed TEXT PRIMARY KEY,
    repo TEXT,
    tag TEXT,
    target TEXT NOT NULL
  ) WITHOUT ROWID;

  -- What a repository shows, beside its names. hidden: deleted there, though something that it shows still points at it.
  CREATE TABLE link (
    repo TEXT NOT NULL,
    digest TEXT NOT NULL,
    until INTEGER,
    hidden INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repo, digest)
  ) WITHOUT ROWID;
  CREATE INDEX link_digest ON link (digest, repo);

  CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    purpose TEXT NOT NULL,
    process TEXT NOT NULL,                    -- so that a later process can tell that it has ended
    renewed INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE lease_hold (
    lease TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (lease, digest)
  ) WITHOUT ROWID;
  CREATE INDEX lease_hold_digest ON lease_hold (digest);

  CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    repo TEXT NOT NULL,
    file TEXT NOT NULL,
    offset INTEGER NOT NULL,
    algorithm TEXT NOT NULL,
    updated INTEGER NOT NULL,
    writer TEXT,                              -- the mark of its process, and which of its requests
    renewed INTEGER
  ) WITHOUT ROWID;

  CREATE TABLE journal (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    repo TEXT,
    tag TEXT,
    before TEXT,                              -- JSON: a descriptor, its origin in "origin"
    after TEXT
  );
  CREATE INDEX journal_name ON journal (repo, tag, number);

  -- Everything that keeps content alive; deep: with all that it points at. until: of no count from then on.
  CREATE VIEW holder (kind, id, digest, deep, until) AS
    SELECT 'name', repo || iif(substr(tag, 1, 1) = '@', tag, ':' || tag), target, 1, NULL FROM name
    UNION ALL SELECT 'origin', repo || iif(substr(tag, 1, 1) = '@', tag, ':' || tag), origin, 0, NULL FROM name WHERE origin IS NOT NULL
    UNION ALL SELECT 'image', digest, digest, 1, NULL FROM image
    UNION ALL SELECT 'link', repo, digest, 1, until FROM link WHERE hidden = 0
    UNION ALL SELECT 'lease', lease, digest, 1, renewed + 60000 FROM lease_hold JOIN lease ON lease.id = lease_hold.lease;
  `,
  `
  ALTER TABLE state ADD COLUMN index_mark TEXT; -- of the index.json last written: where it is that file still, nobody need read it
  `,
  `
  -- The document is of the room containers/: the store keeps it, and reads nothing in it.
  CREATE TABLE container (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,                      -- as it was asked for
    target TEXT NOT NULL,
    manifest TEXT NOT NULL,
    origin TEXT,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    document TEXT NOT NULL                    -- JSON
  ) WITHOUT ROWID;
  CREATE INDEX container_target ON container (target);
  CREATE INDEX container_manifest ON container (manifest);
  CREATE INDEX container_origin ON container (origin) WHERE origin IS NOT NULL;

  CREATE TABLE volume (
    name TEXT PRIMARY KEY,
    folder TEXT NOT NULL UNIQUE,              -- its name in volumes/, one that any file system takes
    created INTEGER NOT NULL,
    document TEXT NOT NULL                    -- JSON
  ) WITHOUT ROWID;
  -- Which volumes a container needs.
  CREATE TABLE container_volume (
    container TEXT NOT NULL,
    volume TEXT NOT NULL,
    PRIMARY KEY (container, volume)
  ) WITHOUT ROWID;
  CREATE INDEX container_volume_volume ON container_volume (volume);

  -- Layers laid out once, in trees/.
  CREATE TABLE tree (
    diff_id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    added INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Layer blobs that were decompressed here, and what their diff ID proved to be.
  CREATE TABLE checked (
    blob TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL
  ) WITHOUT ROWID;

  -- What an image was made from, as who made it said; the content of the parent stays while that of the child does.
  CREATE TABLE parent (
    child TEXT NOT NULL,
    parent TEXT NOT NULL,
    how TEXT NOT NULL,                        -- commit, build, install
    time INTEGER NOT NULL,
    PRIMARY KEY (child, parent)
  ) WITHOUT ROWID;
  CREATE INDEX parent_parent ON parent (parent);
  -- What a manifest says of its base: org.opencontainers.image.base.digest.
  CREATE TABLE base (
    manifest TEXT PRIMARY KEY,
    digest TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX base_digest ON base (digest);
  INSERT INTO base SELECT digest, json_extract(annotations, '$."org.opencontainers.image.base.digest"') FROM manifest
    WHERE annotations LIKE '%org.opencontainers.image.base.digest%' AND json_extract(annotations, '$."org.opencontainers.image.base.digest"') IS NOT NULL;

  CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    type TEXT NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    attributes TEXT NOT NULL                  -- JSON: text by text
  );
  CREATE INDEX event_time ON event (time);

  DROP VIEW holder;
  CREATE VIEW holder (kind, id, digest, deep, until) AS
    SELECT 'name', repo || iif(substr(tag, 1, 1) = '@', tag, ':' || tag), target, 1, NULL FROM name
    UNION ALL SELECT 'origin', repo || iif(substr(tag, 1, 1) = '@', tag, ':' || tag), origin, 0, NULL FROM name WHERE origin IS NOT NULL
    UNION ALL SELECT 'image', digest, digest, 1, NULL FROM image
    UNION ALL SELECT 'link', repo, digest, 1, until FROM link WHERE hidden = 0
    UNION ALL SELECT 'container', id, target, 1, NULL FROM container
    UNION ALL SELECT 'container', id, manifest, 1, NULL FROM container
    UNION ALL SELECT 'container', id, origin, 0, NULL FROM container WHERE origin IS NOT NULL
    UNION ALL SELECT 'lease', lease, digest, 1, renewed + 60000 FROM lease_hold JOIN lease ON lease.id = lease_hold.lease;
  `,
  `
  -- What an image was installed as, where its own documents do not say so: their bytes stay as they came.
  CREATE TABLE identity (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    publisher TEXT NOT NULL,
    version TEXT NOT NULL,
    source TEXT                               -- how the publisher is known
  ) WITHOUT ROWID;
  -- Foreign layers are few: what is not here of them is found without looking at every layer of every image.
  CREATE INDEX edge_optional ON edge (parent, child, size) WHERE optional;
  `,
];

/**
 * What lists show of each image's manifest, and which layers it stands on; may be lost: it is read again from the blobs.
 * Tables with row ids: their rows are long, and read from end to end.
 */
export const summaryTables = `
  CREATE TABLE IF NOT EXISTS summary (
    digest TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    manifest_size INTEGER NOT NULL,
    config TEXT NOT NULL,
    config_type TEXT NOT NULL,
    config_size INTEGER NOT NULL,
    platform TEXT,
    created TEXT,
    size INTEGER NOT NULL,
    labels TEXT
  );
  CREATE INDEX IF NOT EXISTS summary_config ON summary (config);
  CREATE TABLE IF NOT EXISTS summary_detail (
    digest TEXT PRIMARY KEY,
    detail TEXT NOT NULL                      -- JSON: { diffIds, layers, built }
  );

  -- The layers of all images as a forest: what has the same diff IDs from the bottom up has the same node; below 0 there is nothing. A node is a chain ID, without the hashing.
  CREATE TABLE IF NOT EXISTS chain (
    id INTEGER PRIMARY KEY,
    below INTEGER NOT NULL,
    diff_id TEXT NOT NULL,
    UNIQUE (below, diff_id)
  );
  CREATE INDEX IF NOT EXISTS chain_diff_id ON chain (diff_id);
  -- The same, of what has the same blobs too.
  CREATE TABLE IF NOT EXISTS stack (
    id INTEGER PRIMARY KEY,
    below INTEGER NOT NULL,
    chain INTEGER NOT NULL,
    blob TEXT NOT NULL,
    UNIQUE (below, chain, blob)
  );
  CREATE INDEX IF NOT EXISTS stack_chain ON stack (chain);
  CREATE TABLE IF NOT EXISTS layered (
    manifest TEXT PRIMARY KEY,
    chain INTEGER NOT NULL,
    stack INTEGER                             -- absent where the config has another number of layers than the manifest
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS layered_chain ON layered (chain);
  CREATE INDEX IF NOT EXISTS layered_stack ON layered (stack);
`;
