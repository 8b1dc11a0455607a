import { writeTar, type NewTarMember } from '../formats/tar/write-tar.ts';
import { windowsBaseLayer, type WindowsFile } from '../layers/windows.ts';
import { parsePlatform } from '../model/platform.ts';
import { familiar, parseReference } from '../model/reference.ts';
import { append } from './append.ts';
import type { Host } from './host.ts';
import { importImage } from './import-image.ts';
import { makeIndex } from './make-index.ts';

/**
 * Fills an empty store with a small family of images, made here by the product's own verbs: a base in the shape of a Windows image and one in that of Linux,
 * an image on each, and one for two platforms. They are samples: nobody's system is in them, and nothing in them runs.
 * @returns their names; none where the store has images already
 */
export async function loadSamples(host: Pick<Host, 'store' | 'now'>): Promise<readonly string[]> {
  if ((await host.store.names()).length > 0) return [];
  const windows = parsePlatform('windows/amd64:10.0.20348.1');
  const label = (title: string, version: string) => [
    `LABEL org.opencontainers.image.title=${title} org.opencontainers.image.vendor="CN=Bayplan Samples" org.opencontainers.image.version=${version}`,
  ];
  await importImage(host, windowsBaseLayer(windowsTree), {
    reference: parseReference('sample-server:1.0.0.0'),
    platform: windows,
    message: 'Sample base in the shape of a Windows image',
    changes: [...label('SampleServer', '1.0.0.0'), 'CMD ["c:\\\\windows\\\\system32\\\\cmd.exe"]'],
  });
  await append(
    host,
    'sample-server:1.0.0.0',
    windowsBaseLayer([{ path: 'Files/inetpub/wwwroot/index.html', content: '<h1>A sample site</h1>\n' }]),
    {
      reference: parseReference('sample-web:1.0.0.0'),
      createdBy: 'cmd /S /C copy index.html c:\\inetpub\\wwwroot',
      changes: [...label('SampleWeb', '1.0.0.0'), 'EXPOSE 80'],
    },
  );
  for (const architecture of ['amd64', 'arm64']) {
    await importImage(host, writeTar(linuxTree(architecture)), {
      reference: parseReference(`sample-linux:${architecture}`),
      platform: parsePlatform(`linux/${architecture}`),
      message: 'Sample base in the shape of a Linux image',
      changes: ['ENV PATH=/usr/bin:/bin', 'CMD ["/bin/hello"]'],
    });
  }
  await makeIndex(host, ['sample-linux:amd64', 'sample-linux:arm64'], parseReference('sample-linux:latest'));
  await append(host, 'sample-linux:amd64', writeTar([file('srv/app.json', '{"sample":true}\n')]), {
    reference: parseReference('sample-app:latest'),
    createdBy: '/bin/sh -c #(nop) COPY app.json /srv/',
    changes: ['WORKDIR /srv'],
  });
  return (await host.store.names()).map(({ reference }) => familiar(reference));
}

const windowsTree: readonly WindowsFile[] = [
  { path: 'Files/Windows/System32/cmd.exe', content: 'A sample stands where the command interpreter would.\r\n' },
  { path: 'Files/Windows/System32/config/SOFTWARE', content: '' },
  { path: 'Files/Windows/System32/config/SYSTEM', content: '' },
  { path: 'Files/Users/ContainerAdministrator' },
  { path: 'Files/License.txt', content: 'A sample image. Not a Windows image, and no part of one.\r\n' },
  { path: 'Hives/Software_Base', content: 'sample' },
  { path: 'Hives/System_Base', content: 'sample' },
];

function linuxTree(architecture: string): readonly NewTarMember[] {
  return [
    ...['bin', 'etc', 'srv', 'tmp', 'usr', 'usr/bin'].map(folder),
    file('bin/hello', `#!/bin/sh\necho "hello from a sample image for ${architecture}"\n`, 0o755),
    file('etc/os-release', 'NAME="Bayplan sample"\nID=sample\nVERSION_ID=1\n'),
    file('etc/passwd', 'root:x:0:0:root:/:/bin/sh\n'),
  ];
}

function folder(path: string): NewTarMember {
  return { entry: { path, type: 'directory', mode: path === 'tmp' ? 0o1777 : 0o755 } };
}

function file(path: string, content: string, mode = 0o644): NewTarMember {
  return { entry: { path, type: 'file', mode }, body: content };
}
