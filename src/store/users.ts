import type { Digest } from '../model/digest.ts';
import type { ContainerRecord } from './container-record.ts';
import { findContainer } from './containers.ts';
import type { Database } from './database.ts';
import { Family } from './family.ts';
import type { Relation } from './relation.ts';

/** What stands in the way of an image's removal. */
export interface Users {
  /** In any state. */
  readonly containers: readonly ContainerRecord[];
  /** Images of the list that were recorded as made from it. What is only proved or claimed stands in nobody's way: else anybody could forbid a removal by pushing an image. */
  readonly children: readonly Relation[];
}

/** Within a snapshot or a transaction. A recorded child that is in no list any more, but that containers stand on, counts as these. */
export function findUsers(database: Database, image: Digest, family = new Family(database)): Users {
  const containers = new Map(containersOn(database, image).map((container) => [container.id, container]));
  const children: Relation[] = [];
  const seen = new Set<Digest>();
  const look = (parent: Digest): void => {
    seen.add(parent);
    for (const child of family.recordedChildren(parent)) {
      if (seen.has(child.image)) continue;
      if (family.isListed(child.image)) children.push(child);
      else {
        for (const container of containersOn(database, child.image)) containers.set(container.id, container);
        look(child.image);
      }
    }
  };
  look(image);
  return { containers: [...containers.values()], children };
}

function containersOn(database: Database, image: Digest): ContainerRecord[] {
  return database
    .all<{ id: string }>('SELECT id FROM container WHERE target = ?1 OR manifest = ?1 ORDER BY created, name', image)
    .map(({ id }) => findContainer(database, id));
}
