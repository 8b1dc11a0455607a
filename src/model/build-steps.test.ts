import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasBuildSteps } from './build-steps.ts';

const steps = (...texts: string[]) => hasBuildSteps(texts.map((created_by) => ({ created_by })));

test('what a publisher unpacks is a base, whoever packed it', () => {
  assert.equal(steps('Apply image 10.0.14393.0'), false);
  assert.equal(steps('Apply image 10.0.14393.0', 'Install update 10.0.14393.2007'), false);
  assert.equal(steps('/bin/sh -c #(nop) ADD file:2a90223 in / '), false);
  assert.equal(steps('ADD alpine-minirootfs-3.22.1-x86_64.tar.gz / # buildkit'), false);
  assert.equal(steps("# debian.sh --arch 'amd64' out/ 'bookworm' '@1755993600'"), false);
  assert.equal(steps(), false);
  assert.equal(hasBuildSteps([{ created_by: 'ADD rootfs.tar /' }, { created_by: 'CMD ["sh"]', empty_layer: true }]), false);
  assert.equal(hasBuildSteps([{}]), false);
});

test('a command, a copy, or anything on top of the first layer is a build', () => {
  assert.equal(steps('COPY app /app # buildkit'), true);
  assert.equal(steps('/bin/sh -c #(nop) COPY file:1 in /'), true);
  assert.equal(steps('/bin/sh -c apt-get update'), true);
  assert.equal(steps('cmd /S /C powershell -Command Add-WindowsFeature web-server'), true);
  assert.equal(steps('Apply image 10.0.14393.0', 'cmd'), true);
  assert.equal(steps('ADD rootfs.tar /', 'RUN make'), true);
  assert.equal(hasBuildSteps([{ created_by: 'ADD rootfs.tar /' }, {}]), true);
});
