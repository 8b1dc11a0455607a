import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf16 } from '../../../test/support/raw-wim.ts';
import { wimImages } from './wim-images.ts';
import { defaultWimLimits } from './wim-limits.ts';
import { parseWimXml } from './wim-xml.ts';

const parse = (xml: string, count = 1) => wimImages(parseWimXml(utf16(xml), 'a.wim', defaultWimLimits), count, 'a.wim');

test('an image of Windows says what it is', () => {
  const element = `<IMAGE INDEX="1">\r\n<NAME>NanoServer</NAME><DESCRIPTION>a &amp; b &#x1F6A2;</DESCRIPTION><DIRCOUNT>12</DIRCOUNT><FILECOUNT>345</FILECOUNT>
<TOTALBYTES>6789</TOTALBYTES><CREATIONTIME><HIGHPART>0x01D18BAC</HIGHPART><LOWPART>0x2F3A4B5C</LOWPART></CREATIONTIME><FLAGS>ServerNano</FLAGS>
<WINDOWS><ARCH>9</ARCH><PRODUCTNAME>Microsoft® Windows®</PRODUCTNAME><EDITIONID>ServerNano</EDITIONID><INSTALLATIONTYPE>Nano Server</INSTALLATIONTYPE>
<LANGUAGES><LANGUAGE>en-US</LANGUAGE><LANGUAGE>ja-JP</LANGUAGE><DEFAULT>en-US</DEFAULT></LANGUAGES>
<VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>14393</BUILD><SPBUILD>0</SPBUILD><SPLEVEL>0</SPLEVEL></VERSION><SYSTEMROOT>WINDOWS</SYSTEMROOT></WINDOWS>
<CONTAINERIMAGE><PUBLISHER>CN=Demo</PUBLISHER><VERSION>1.0.0.0</VERSION><CONFIG>e30=</CONFIG></CONTAINERIMAGE></IMAGE>`;
  const [image] = parse(`<WIM><TOTALBYTES>1</TOTALBYTES>${element}</WIM>`);
  assert.ok(image);
  const { xml, ...facts } = image;
  assert.equal(xml, element);
  assert.deepEqual(facts, {
    index: 1,
    name: 'NanoServer',
    description: 'a & b 🚢',
    displayName: undefined,
    displayDescription: undefined,
    flags: 'ServerNano',
    created: new Date('2016-04-01T00:19:41.344Z'),
    modified: undefined,
    totalBytes: 6789,
    dirCount: 12,
    fileCount: 345,
    windows: {
      architecture: 9,
      productName: 'Microsoft® Windows®',
      editionId: 'ServerNano',
      installationType: 'Nano Server',
      version: { major: 10, minor: 0, build: 14393, spBuild: 0 },
      languages: ['en-US', 'ja-JP'],
      defaultLanguage: 'en-US',
    },
    containerImage: { publisher: 'CN=Demo', version: '1.0.0.0', config: '{}' },
  });
});

test('images come by their index, whatever the order in the document', () => {
  const images = parse('<WIM><IMAGE INDEX="2"><NAME>b</NAME></IMAGE><IMAGE INDEX="1"><NAME>a</NAME></IMAGE></WIM>', 2);
  assert.deepEqual(
    images.map(({ index, name }) => [index, name]),
    [
      [1, 'a'],
      [2, 'b'],
    ],
  );
});

test('what is no number counts as nothing, and a name such as __proto__ is one like any other', () => {
  const [image] = parse(
    '<WIM><IMAGE INDEX="1" __proto__="x"><FILECOUNT>many</FILECOUNT><__proto__><NAME>no</NAME></__proto__></IMAGE></WIM>',
  );
  assert.deepEqual([image?.name, image?.fileCount, image?.created], ['', 0, undefined]);
});
