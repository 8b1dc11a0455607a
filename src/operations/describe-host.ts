import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, hostname, release as kernelRelease, totalmem, type as systemType } from 'node:os';
import { hostPlatform } from '../model/platform.ts';
import { version as release } from '../version.ts';
import type { Host } from './host.ts';

/** What stands where docker names its storage driver. */
export const storeDriver = 'oci-layout';

/** The document of `docker info` and `GET /info`, keys and all, but for the `ID` of a server. */
export async function describeHost({ store, now }: Pick<Host, 'store' | 'now'>) {
  const states = (await store.containers()).map(({ state }) => state);
  const count = (...wanted: readonly string[]): number => states.filter((state) => wanted.includes(state)).length;
  const { os } = hostPlatform();
  return {
    Containers: states.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: states.length - count('running', 'paused'),
    Images: (await store.images()).length,
    Driver: storeDriver,
    DriverStatus: [['Format', 'OCI image layout']],
    Plugins: { Volume: ['local'], Network: ['bridge', 'host', 'null'], Authorization: null, Log: [] },
    MemoryLimit: false,
    SwapLimit: false,
    CpuCfsPeriod: false,
    CpuCfsQuota: false,
    CPUShares: false,
    CPUSet: false,
    PidsLimit: false,
    IPv4Forwarding: false,
    OomKillDisable: false,
    Debug: false,
    NFd: 0,
    NGoroutines: 0,
    SystemTime: now().toISOString(),
    LoggingDriver: 'none',
    CgroupDriver: 'none',
    NEventsListener: 0,
    KernelVersion: kernelRelease(),
    OperatingSystem: await systemName(),
    OSVersion: '',
    OSType: os,
    Architecture: machines[arch()] ?? arch(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: {
      InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'],
      IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } },
      Mirrors: [],
    },
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: store.path,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: release,
    Runtimes: {},
    DefaultRuntime: '',
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: false,
    Isolation: '',
    InitBinary: '',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: [],
    Warnings: null,
  };
}

/** As `uname -m` says it. */
const machines: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

async function systemName(): Promise<string> {
  try {
    const name = /^PRETTY_NAME=(?:"([^"]*)"|(.*))$/m.exec(await readFile('/etc/os-release', 'utf8'));
    return name?.[1] ?? name?.[2] ?? systemType();
  } catch {
    return systemType();
  }
}
