import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settingsFolders } from './settings-folders.ts';

test("on Windows they are where docker's and containers' tools look there, whatever a Unix shell has set", () => {
  const env = {
    USERPROFILE: 'C:\\Users\\me',
    APPDATA: 'C:\\Users\\me\\AppData\\Roaming',
    ProgramData: 'D:\\Program data',
    HOME: '/c/Users/me',
    XDG_CONFIG_HOME: '/c/Users/me/.config',
  };
  assert.deepEqual(settingsFolders(env, 'win32'), {
    docker: 'C:\\Users\\me\\.docker',
    containers: ['C:\\Users\\me\\AppData\\Roaming\\containers', 'C:\\Users\\me\\.config\\containers'],
    machineContainers: 'D:\\Program data\\containers',
    certs: [
      'C:\\Users\\me\\AppData\\Roaming\\containers\\certs.d',
      'C:\\Users\\me\\.config\\containers\\certs.d',
      'C:\\Users\\me\\.docker\\certs.d',
      'D:\\Program data\\docker\\certs.d',
      'D:\\Program data\\containers\\certs.d',
    ],
  });
});

test('on Windows the usual places stand in for variables that are not set', () => {
  const { containers, machineContainers } = settingsFolders({ USERPROFILE: 'C:\\Users\\me' }, 'win32');
  assert.equal(containers[0], 'C:\\Users\\me\\AppData\\Roaming\\containers');
  assert.equal(machineContainers, 'C:\\ProgramData\\containers');
});

test('elsewhere they follow HOME, XDG_CONFIG_HOME and DOCKER_CONFIG', () => {
  const plain = settingsFolders({ HOME: '/home/me', USERPROFILE: 'C:\\Users\\me' }, 'linux');
  assert.equal(plain.docker, '/home/me/.docker');
  assert.deepEqual(plain.containers, ['/home/me/.config/containers']);
  assert.equal(plain.machineContainers, '/etc/containers');
  const moved = settingsFolders({ HOME: '/home/me', XDG_CONFIG_HOME: '/settings', DOCKER_CONFIG: '/docker' }, 'linux');
  assert.equal(moved.docker, '/docker');
  assert.deepEqual(moved.containers, ['/settings/containers']);
  assert.deepEqual(moved.certs.slice(0, 3), ['/settings/containers/certs.d', '/settings/docker/certs.d', '/docker/certs.d']);
});
