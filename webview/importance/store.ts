import { connectReport } from '../shared/report';

export const report = connectReport('importance');
