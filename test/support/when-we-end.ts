export { whenWeEnd } from '../../relay/dev/when-we-end.ts'
