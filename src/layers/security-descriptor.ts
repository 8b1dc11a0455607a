/**
 * Windows security descriptors: from the text form (SDDL, MS-DTYP §2.5.1) to the self-relative bytes (MS-DTYP §2.4.6) that a layer's
 * `MSWINDOWS.rawsd` record carries in base64.
 *
 * Layout: revision, control flags and four offsets (20 bytes); the owner's and group's SIDs; the DACL, a list of access entries.
 * Only what layers are given is understood: an owner, a group and a DACL of allow and deny entries for well-known accounts.
 */

import { ImageError } from '../errors.ts';

/** SID of an alias: authority, then subauthorities (MS-DTYP §2.4.2.4). */
const accounts: Readonly<Record<string, readonly [authority: number, ...subauthorities: number[]]>> = {
  WD: [1, 0], // Everyone
  CO: [3, 0], // CREATOR OWNER
  CG: [3, 1], // CREATOR GROUP
  AU: [5, 11], // Authenticated Users
  SY: [5, 18], // LOCAL SYSTEM
  LS: [5, 19], // LOCAL SERVICE
  NS: [5, 20], // NETWORK SERVICE
  BA: [5, 32, 544], // BUILTIN\Administrators
  BU: [5, 32, 545], // BUILTIN\Users
  AC: [15, 2, 1], // ALL APPLICATION PACKAGES
};

const rights: Readonly<Record<string, number>> = {
  GA: 0x1000_0000,
  GX: 0x2000_0000,
  GW: 0x4000_0000,
  GR: 0x8000_0000,
  FA: 0x001f_01ff,
  FR: 0x0012_0089,
  FW: 0x0012_0116,
  FX: 0x0012_00a0,
  CC: 0x01,
  DC: 0x02,
  LC: 0x04,
  SW: 0x08,
  RP: 0x10,
  WP: 0x20,
  DT: 0x40,
  LO: 0x80,
  CR: 0x100,
  SD: 0x0001_0000,
  RC: 0x0002_0000,
  WD: 0x0004_0000,
  WO: 0x0008_0000,
};

const entryTypes: Readonly<Record<string, number>> = { A: 0, D: 1 };
const entryFlags: Readonly<Record<string, number>> = { OI: 0x01, CI: 0x02, NP: 0x04, IO: 0x08, ID: 0x10 };

const daclPresent = 0x0004;
const daclProtected = 0x1000;
const daclAutoInherited = 0x0400;
const selfRelative = 0x8000;

/** The self-relative descriptor for `O:…G:…D:…`. Throws `invalid-argument` for what is not understood. */
export function securityDescriptor(sddl: string): Buffer {
  const match = /^O:(\w\w)G:(\w\w)D:(P?)((?:AI)?)((?:\([^()]*\))*)$/.exec(sddl);
  if (!match) throw refuse(sddl);
  const [, owner = '', group = '', isProtected, isInherited, list = ''] = match;
  const ownerSid = sid(owner);
  const groupSid = sid(group);
  const dacl = acl([...list.matchAll(/\(([^()]*)\)/g)].map(([, entry = '']) => accessEntry(entry)));

  const header = Buffer.alloc(20);
  header.writeUInt8(1, 0); // revision
  header.writeUInt16LE(selfRelative | daclPresent | (isProtected ? daclProtected : 0) | (isInherited ? daclAutoInherited : 0), 2);
  header.writeUInt32LE(20, 4); // owner
  header.writeUInt32LE(20 + ownerSid.length, 8); // group; no SACL at 12
  header.writeUInt32LE(20 + ownerSid.length + groupSid.length, 16); // DACL
  return Buffer.concat([header, ownerSid, groupSid, dacl]);
}

function sid(alias: string): Buffer {
  const account = accounts[alias];
  if (!account) throw refuse(alias);
  const [authority, ...subauthorities] = account;
  const bytes = Buffer.alloc(8 + 4 * subauthorities.length);
  bytes.writeUInt8(1, 0); // revision
  bytes.writeUInt8(subauthorities.length, 1);
  bytes.writeUIntBE(authority, 2, 6);
  subauthorities.forEach((value, i) => bytes.writeUInt32LE(value, 8 + 4 * i));
  return bytes;
}

function acl(entries: readonly Buffer[]): Buffer {
  const body = Buffer.concat(entries);
  const header = Buffer.alloc(8);
  header.writeUInt8(2, 0); // ACL_REVISION
  header.writeUInt16LE(8 + body.length, 2);
  header.writeUInt16LE(entries.length, 4);
  return Buffer.concat([header, body]);
}

/** `type;flags;rights;;;account`. */
function accessEntry(text: string): Buffer {
  const [type = '', flags = '', mask = '', object, inherited, account = '', ...more] = text.split(';');
  const typeByte = entryTypes[type];
  if (typeByte === undefined || object !== '' || inherited !== '' || more.length > 0) throw refuse(text);
  const trustee = sid(account);
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(typeByte, 0);
  bytes.writeUInt8(sum(flags, entryFlags), 1);
  bytes.writeUInt16LE(8 + trustee.length, 2);
  bytes.writeUInt32LE(/^0x[0-9a-f]{1,8}$/i.test(mask) ? Number(mask) : sum(mask, rights), 4);
  return Buffer.concat([bytes, trustee]);
}

/** Of two-letter codes written one after another. */
function sum(codes: string, values: Readonly<Record<string, number>>): number {
  let result = 0;
  for (const code of codes.match(/../g) ?? []) {
    const value = values[code];
    if (value === undefined) throw refuse(codes);
    result = (result | value) >>> 0;
  }
  if (codes.length % 2 !== 0) throw refuse(codes);
  return result;
}

function refuse(text: string): ImageError {
  return new ImageError('invalid-argument', `${JSON.stringify(text)} is not a security descriptor that can be made here`);
}
