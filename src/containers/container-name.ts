import { randomInt } from 'node:crypto';
import { ImageError } from '../errors.ts';

const valid = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** A name without the slash that docker shows before it. @param shown what the message calls it @throws ImageError `invalid-argument`, with docker's text */
export function checkContainerName(name: string, shown = name): void {
  if (!valid.test(name))
    throw new ImageError('invalid-argument', `Invalid container name (${shown}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

/** How a crew may be. */
const adjectives = [
  ...['able', 'airy', 'ample', 'apt', 'avid', 'balanced', 'bold', 'brave', 'breezy', 'bright', 'brisk', 'calm', 'candid', 'careful'],
  ...['cheery', 'clear', 'clever', 'cosy', 'crisp', 'curious', 'daring', 'deft', 'eager', 'earnest', 'easy', 'fair', 'faithful', 'fleet'],
  ...['fresh', 'frank', 'gallant', 'gentle', 'glad', 'golden', 'hale', 'handy', 'hardy', 'hearty', 'honest', 'humble', 'jolly', 'keen'],
  ...['kind', 'lively', 'loyal', 'lucid', 'lucky', 'mellow', 'merry', 'mighty', 'mild', 'neat', 'nimble', 'noble', 'patient', 'plucky'],
  ...['polite', 'proud', 'quick', 'quiet', 'ready', 'robust', 'salty', 'serene', 'sharp', 'silent', 'smart', 'snug', 'sober', 'solid'],
  ...['spry', 'stable', 'steady', 'stout', 'sturdy', 'sunny', 'swift', 'tidy', 'tranquil', 'trim', 'trusty', 'upbeat', 'valiant', 'vivid'],
  ...['warm', 'watchful', 'willing', 'windward', 'wise', 'witty', 'zealous', 'zesty'],
];

/** Navigators, shipwrights, cartographers, and who reckoned for them. */
const surnames = [
  ...['amundsen', 'baret', 'barents', 'beaufort', 'behaim', 'bering', 'bligh', 'bougainville', 'bowditch', 'brunel', 'cabot', 'cabral'],
  ...['cartier', 'chapman', 'clapperton', 'cook', 'coronelli', 'cousteau', 'cunard', 'dampier', 'darling', 'davis', 'dias', 'drake'],
  ...['elcano', 'ericsson', 'fitzroy', 'flinders', 'franklin', 'freydis', 'frobisher', 'gama', 'gerritsz', 'halley', 'hanno', 'harrison'],
  ...['henson', 'hipparchus', 'hudson', 'humboldt', 'idrisi', 'janszoon', 'kaempfer', 'kerguelen', 'kupe', 'laperouse', 'lovelace'],
  ...['magellan', 'malaspina', 'maury', 'mawson', 'mercator', 'mitchell', 'nansen', 'nares', 'nordenskiold', 'ortelius', 'parry', 'peary'],
  ...['pinzon', 'piri', 'plancius', 'plimsoll', 'polo', 'ptolemy', 'pytheas', 'quiros', 'rasmussen', 'ross', 'scott', 'sextus'],
  ...['shackleton', 'slocum', 'somerville', 'steller', 'tasman', 'torres', 'tupaia', 'urdaneta', 'vancouver', 'vespucci', 'waldseemuller'],
  ...['weddell', 'wilkes', 'worsley', 'zheng'],
];

/** A name for a container that was given none: `steady_harrison`. @param attempt counts the names that were taken: from the second on a digit helps */
export function randomContainerName(attempt = 0): string {
  const name = `${adjectives[randomInt(adjectives.length)]}_${surnames[randomInt(surnames.length)]}`;
  return attempt === 0 ? name : `${name}${randomInt(10 ** Math.min(attempt, 9))}`;
}
