import { removeContainer } from '../../../operations/remove-container.ts';
import type { Act } from '../call.ts';
import { errorRecord } from '../error-record.ts';
import { containerOf } from '../find-container.ts';

export const removeContainerAct: Act = async (call, shell) => {
  const host = { store: await call.host.store(), containers: await call.host.containers() };
  for (const value of [...call.values('Container'), ...call.values('Name')])
    try {
      const { record } = await containerOf(host, value);
      if (await shell.shouldProcess(record.name, 'Remove-Container')) await removeContainer(host, record.id, { force: call.flag('Force') });
    } catch (error) {
      if (shell.signal.aborted) throw error;
      await shell.writeError(errorRecord(error));
    }
};
